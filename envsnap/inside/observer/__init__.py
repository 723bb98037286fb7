"""The folder that stands first on the search path of an observed job: its ``sitecustomize`` starts the observer."""
