"""What a call centre does with the wire: hold, dial, bridge, hang up, and ask what is so."""
