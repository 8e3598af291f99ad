"""The farm: worker nodes that run links, and the scheduler that hands out turns. Processes; nothing imports them."""
