"""Tasks in GraphQL."""

from functions.activities import commands, queries
from functions.activities.fields import TASKS
from functions.activities.models import NewTask, Task, TaskChange
from shared.graph import Create, Delete, Graph, Kind, Listed, ToMany, Update

GRAPH = Graph(
    kinds=(Kind("Task", Task, needs="tasks.read", find=queries.tasks_by_ids),),
    lists=(
        Listed(
            "tasks",
            "Task",
            of=TASKS,
            find=queries.find_tasks,
            count=queries.count_tasks,
            about="What there is to do.",
        ),
    ),
    links=(
        ToMany(
            "Contact",
            "tasks",
            "Task",
            by="id",
            key="contact_id",
            of=TASKS,
            find=queries.tasks_of_contacts,
            about="The tasks about the contact.",
        ),
        ToMany(
            "Email",
            "tasks",
            "Task",
            by="id",
            key="email_id",
            of=TASKS,
            find=queries.tasks_of_emails,
            about="The tasks that came from the mail.",
        ),
    ),
    changes=(
        Create(
            "create_task",
            "Task",
            needs="tasks.write",
            given=NewTask,
            run=commands.create_task,
            about="Creates a task.",
        ),
        Update(
            "update_task",
            "Task",
            needs="tasks.write",
            given=TaskChange,
            run=commands.change_task,
            about="Changes the fields of a task that are given; null clears one.",
        ),
        Delete(
            "delete_task",
            "Task",
            needs="tasks.delete",
            run=commands.delete_task,
            about="Deletes a task.",
        ),
    ),
)
