"""The bridge between an Asterisk PBX and a company's customer records."""
