"""The synthesized template, deployed into moto."""
