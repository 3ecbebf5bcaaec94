-- The lab's MariaDB. Read while no server runs: accounts log in by certificate, and the installer's superuser is gone before anybody can connect.
flush privileges;
delete from mysql.global_priv where user not in ('mariadb.sys');
delete from mysql.proxies_priv;
flush privileges;
create database shopfront character set utf8mb4;
create user alice@'127.0.0.1' require subject '/CN=alice';
create user reader@'127.0.0.1' require subject '/CN=reader';
grant all privileges on shopfront.* to alice@'127.0.0.1';
grant select, show view on shopfront.* to reader@'127.0.0.1';
use shopfront;
create table products (id int primary key, name varchar(80) not null, price decimal(8,2) not null, stock int not null);
create table carts (id int primary key auto_increment, session int not null, product_id int not null, amount int not null, added datetime not null, key (session), foreign key (product_id) references products (id));
create table reviews (id int primary key auto_increment, product_id int not null, stars tinyint not null, words varchar(200) not null, written date not null, foreign key (product_id) references products (id));
insert into products with recursive n (i) as (select 1 union all select i + 1 from n where i < 200) select i, concat(elt(1 + i % 5, 'Teapot', 'Kettle', 'Cup', 'Tray', 'Spoon'), ' No. ', i), 4 + (i * 37 % 900) / 10, i * 13 % 250 from n;
insert into carts (session, product_id, amount, added) with recursive n (i) as (select 1 union all select i + 1 from n where i < 900) select 1001 + i % 120, 1 + i * 7 % 200, 1 + i % 4, date_add('2026-11-01 08:00:00', interval i * 97 second) from n;
insert into reviews (product_id, stars, words, written) with recursive n (i) as (select 1 union all select i + 1 from n where i < 800) select 1 + i * 11 % 200, 1 + i * 3 % 5, elt(1 + i % 4, 'Pours well – très bien', 'Holds the heat', 'Smaller than it looks', 'A fine gift'), date_add('2025-01-01', interval i % 600 day) from n;
