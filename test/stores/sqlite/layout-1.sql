-- A file as the first released layout wrote it. Never edit it: every later program must read it.
pragma application_id = 1416586099;
pragma user_version = 1;
create table slice (
  place   integer primary key,
  id      text not null,
  data    text not null,
  due_ms  integer
) strict;
create table outbox (
  seq     integer primary key autoincrement,
  line    text not null,
  at_ms   integer not null,
  effect  text not null
) strict;
create index outbox_line on outbox (line);
create table dead_letter (
  seq     integer primary key autoincrement,
  subject text not null,
  at_ms   integer not null,
  data    text not null
) strict;
create index dead_letter_subject on dead_letter (subject);
create table audit (
  seq     integer primary key autoincrement,
  subject text not null,
  at_ms   integer not null,
  data    text not null
) strict;
create index audit_subject on audit (subject);
create table journal_dropped (
  journal text not null primary key,
  dropped integer not null
) strict, without rowid;
insert into journal_dropped values ('dead_letter', 7), ('audit', 0);
insert into slice values (1, 'rule/a/1', '{"phase":"firing"}', 1760000000000), (4, 'join/b/2', '~[null,[[[],"AP8="]]]', null);
insert into outbox values (41, 'broker:default', 5, '~[{"kind":"publish","broker":"default","message":{"topic":"t","payload":null,"qos":1,"retain":false}},[[["message","payload"],"aGk="]]]');
insert into dead_letter values (3, 'rule-a', 6, '"why"');
insert into audit values (9, 'alert/a/1', 7, '{"to":"firing"}');
