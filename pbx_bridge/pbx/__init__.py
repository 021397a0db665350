"""The PBX as a program: finding or installing it, its configuration, its process, a phone to try it."""
