-- Is every hit that the trackers sent accounted for?
select producer, hits, stored, dead, lost, holds from clickledger.conservation order by producer;
