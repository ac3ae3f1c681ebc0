"""The `haste` command."""
import typer
app = typer.Typer()
