"""`penstock up --demo`: the bundled forge, an example pull request, and its review on the terminal."""
