"""The Django project: three doors, five floors and the ground they stand on."""
