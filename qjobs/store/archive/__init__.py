"""Sets in one file, to be carried elsewhere: its layout, how it is written, checked, unpacked."""
