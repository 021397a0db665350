"""The live path over ARI: connection, wire types, playing effects, running flows. Asterisk words stop here."""
