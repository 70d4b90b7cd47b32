"""`logdock logs`: searches what landed, wherever it landed, and reads no more of it than the question needs.

`times` understands the question's times, `query` its patterns; `places` lists the objects that may hold an answer;
`reader` opens them, `scan` searches them, `parallel` and `order` do so many at once and put the lines in order.
"""
