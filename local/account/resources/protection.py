"""Termination protection, of which moto keeps only whether a stack was created with it."""

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult


def install() -> None:
    """Replaces moto's deletion of stacks, because that forgets a stack that could not be deleted."""
    setattr(CloudFormationBackend, "delete_stack", _delete)  # noqa: B010 - mypy lets no method be replaced
    setattr(CloudFormationResponse, "update_termination_protection", protect)  # noqa: B010 - moto has none


def _delete(backend: CloudFormationBackend, name_or_stack_id: str) -> None:
    """A stack that could not be deleted completely keeps its name."""
    stack = backend.get_stack(name_or_stack_id)
    if stack.enable_termination_protection:
        raise ValidationError(message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    stack.delete()
    if stack.status == "DELETE_COMPLETE":
        backend.deleted_stacks[stack.stack_id] = backend.stacks.pop(stack.stack_id)


def protect(asked: CloudFormationResponse) -> ActionResult:
    stack = asked.cloudformation_backend.get_stack(asked._get_param("StackName"))
    stack.enable_termination_protection = asked._get_bool_param("EnableTerminationProtection")
    return ActionResult({"StackId": stack.stack_id})
