"""`logdock rotate-external-id`: [old], [old, new], [new], with a look at what the vendor uses before the last step."""
