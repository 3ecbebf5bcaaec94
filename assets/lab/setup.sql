-- Roles and databases of the lab. Each statement ends with a semicolon and an empty line: that is how single-user mode reads them.
create role alice login;

create role reader login;

create database shop owner alice;

create database metrics owner alice;

create database archive owner alice;

revoke all on database postgres from public;

revoke all on database template1 from public;

