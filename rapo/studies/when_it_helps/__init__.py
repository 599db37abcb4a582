"""RA-map: when does relabelling help?"""
