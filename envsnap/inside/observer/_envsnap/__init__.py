"""The observer: what watches a process of a job, and tells at its end what was in force."""
