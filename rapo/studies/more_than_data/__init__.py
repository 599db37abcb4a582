"""RA-T5, RA-T6, RA-F3: is it more than data?"""
