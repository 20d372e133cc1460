"""What sources are owed and how they are paid."""
