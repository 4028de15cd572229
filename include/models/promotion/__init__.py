"""From judged experiments to a champion: compare, conditions, decision, and the way back."""
