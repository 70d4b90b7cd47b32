"""What a change of each setting leads to, by kind of part; `table` has the entry of every setting."""
