"""Models of the resources that moto lacks, or does not make as CloudFormation would."""
