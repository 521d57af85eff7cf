"""SQL on MySQL 8: the only place that knows tables. Times are naive UTC here and aware UTC everywhere else."""
