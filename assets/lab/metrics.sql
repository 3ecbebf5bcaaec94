-- Readings of 24 hosts, every ten minutes for four weeks: about 290 000 rows.
set session authorization alice;

select setseed(0.2718);

create table hosts (
  id smallint primary key,
  name text not null unique,
  region text not null,
  cores smallint not null
);

insert into hosts
select n, (array['web','api','db','queue'])[1 + n % 4] || '-' || lpad((1 + n / 4)::text, 2, '0'), (array['eu-west','us-east','ap-south'])[1 + n % 3], (array[4, 8, 16])[1 + n % 3]
from generate_series(0, 23) n;

create table readings (
  at timestamptz not null,
  host_id smallint not null,
  metric text not null,
  value double precision not null
);

insert into readings
select at, host_id, metric,
  round((case metric
    when 'cpu' then 35 + 25 * sin(extract(epoch from at) / 13751 + host_id) + 12 * random()
    when 'memory' then 58 + 9 * sin(extract(epoch from at) / 86400 + host_id * 2) + 3 * random()
    else 180 + 120 * sin(extract(epoch from at) / 13751 + host_id) * (1 + host_id % 4) / 4 + 60 * random() end)::numeric, 2)
from generate_series(timestamptz '2025-06-02 00:00+00', timestamptz '2025-06-29 23:50+00', interval '10 minutes') at,
  generate_series(0, 23) host_id, unnest(array['cpu','memory','requests']) metric;

alter table readings add primary key (host_id, metric, at), add foreign key (host_id) references hosts;

create index on readings using brin (at);

create view latest_readings as
select distinct on (host_id, metric) hosts.name as host, metric, value, at
from readings join hosts on hosts.id = readings.host_id order by host_id, metric, at desc;

grant select on all tables in schema public to reader;

alter default privileges in schema public grant select on tables to reader;

vacuum (analyze) hosts, readings;

