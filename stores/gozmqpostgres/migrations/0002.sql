-- Version 2 of the schema of gozmqpostgres: the same tables, whose records may have
-- the state "pause": the method "procedure", or all methods if that is empty, is
-- paused. A program that knows version 1 takes such a record for damaged, so it must
-- not open the queue any more.
SELECT 1;
