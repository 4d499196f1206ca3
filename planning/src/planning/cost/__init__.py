"""What a deployment costs a month: the public guide's table, the rest of it, and what real tasks used."""
