-- What was made from something that has changed since, one row a partition: it must be built again.
drop view if exists analytics.stale_partitions cascade;
create view analytics.stale_partitions as
with recursive read as (
  select p.table_name, p.partition_date, i.input_table,
    coalesce((p.input_numbers ->> i.input_table)::bigint, 0) as input_number,
    coalesce(p.partition_date + i.first_offset_days, '-infinity'::date) as first_date,
    p.partition_date + i.last_offset_days as last_date
  from analytics.lake_partitions p join analytics.lake_inputs i using (table_name)
),
changed as (
  select r.table_name, r.partition_date, newer.*
  from read r cross join lateral (
    select q.table_name as because_table, q.partition_date as because_date
    from analytics.lake_partitions q
    where q.table_name = r.input_table and q.partition_date between r.first_date and r.last_date
      and q.content_number > r.input_number
    order by q.partition_date limit 1
  ) as newer
),
stale as (
  select table_name, partition_date from changed
  union
  -- What a stale partition holds will change, or so it must be assumed.
  select r.table_name, r.partition_date
  from stale s join read r
    on r.input_table = s.table_name and s.partition_date between r.first_date and r.last_date
)
select distinct on (s.table_name, s.partition_date)
  s.table_name, s.partition_date,
  coalesce(c.because_table, r.input_table) as because_table,
  coalesce(c.because_date, i.partition_date) as because_date
from stale s
left join changed c using (table_name, partition_date)
left join read r on c.table_name is null
  and r.table_name = s.table_name and r.partition_date = s.partition_date
left join stale i on i.table_name = r.input_table
  and i.partition_date between r.first_date and r.last_date
where c.table_name is not null or i.table_name is not null
order by s.table_name, s.partition_date, because_date, because_table;

comment on view analytics.stale_partitions is
  'Partitions of the lake that were made from something that changed since; refresh rebuilds them.';
comment on column analytics.stale_partitions.table_name is 'Lake table.';
comment on column analytics.stale_partitions.partition_date is 'Partition.';
comment on column analytics.stale_partitions.because_table is
  'Table that it was made from and that changed, or is stale itself.';
comment on column analytics.stale_partitions.because_date is 'First such partition of it.';
