"""The mechanisms that controls share, one module each: a control is declared by one."""
