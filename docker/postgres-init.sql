-- Four databases, each for one purpose; the warehouse's migrations say who may in there.
create database airflow;
create database lake;
create database mlflow;
create database warehouse;
revoke all on database airflow, lake, mlflow, warehouse from public;
