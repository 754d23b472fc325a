"""The network of KSDiff; the only room of the engine, with what runs it, that needs torch."""
