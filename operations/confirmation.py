"""What a human must say before something cannot be taken back."""


def confirmed(stack: str, what: str) -> bool:
    """Whether the stack's name was typed; where nobody is there to ask, it was not."""
    try:
        return input(f"Type the stack's name to {what} {stack}: ").strip() == stack
    except EOFError:  # nobody there to ask
        return False
