-- A call is in the spend log once it has ended, under the time when it began. One of more than two minutes was found a
-- quarter of an hour after its beginning, and until then its account went on beyond its limits. Now the log is read once more
-- for each minute up to ten, which is as long as a call may take (`request_timeout` of LiteLLM's configuration).
insert into godoty.usage_sync_readers (name, lag, overlap, read_until)
select minutes || ' minutes', make_interval(mins => minutes), '0', now() - make_interval(mins => minutes)
from generate_series(3, 10) as minutes;
