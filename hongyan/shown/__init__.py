"""How answers look: tables and local times for people, JSON for programs."""
