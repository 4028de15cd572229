"""The landing zone: the contract of its files, how they are checked, and sources that fill it."""
