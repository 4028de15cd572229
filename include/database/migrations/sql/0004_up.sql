-- Intervals beside each figure; what was decided about candidates, and who was champion when.
alter table analytics.model_comparison add column log_loss_low double precision;
COMMENT ON COLUMN analytics.model_comparison.log_loss_low IS 'Lower end of its interval, from resampled users.';
alter table analytics.model_comparison add column log_loss_high double precision;
COMMENT ON COLUMN analytics.model_comparison.log_loss_high IS 'Upper end of its interval, from resampled users.';
alter table analytics.model_comparison add column roc_auc_low double precision;
COMMENT ON COLUMN analytics.model_comparison.roc_auc_low IS 'Lower end of its interval, from resampled users.';
alter table analytics.model_comparison add column roc_auc_high double precision;
COMMENT ON COLUMN analytics.model_comparison.roc_auc_high IS 'Upper end of its interval, from resampled users.';
alter table analytics.model_comparison add column average_precision_low double precision;
COMMENT ON COLUMN analytics.model_comparison.average_precision_low IS 'Lower end of its interval, from resampled users.';
alter table analytics.model_comparison add column average_precision_high double precision;
COMMENT ON COLUMN analytics.model_comparison.average_precision_high IS 'Upper end of its interval, from resampled users.';
alter table analytics.model_comparison add column calibration_error_low double precision;
COMMENT ON COLUMN analytics.model_comparison.calibration_error_low IS 'Lower end of its interval, from resampled users.';
alter table analytics.model_comparison add column calibration_error_high double precision;
COMMENT ON COLUMN analytics.model_comparison.calibration_error_high IS 'Upper end of its interval, from resampled users.';
alter table analytics.model_comparison add column lift_top_decile_low double precision;
COMMENT ON COLUMN analytics.model_comparison.lift_top_decile_low IS 'Lower end of its interval, from resampled users.';
alter table analytics.model_comparison add column lift_top_decile_high double precision;
COMMENT ON COLUMN analytics.model_comparison.lift_top_decile_high IS 'Upper end of its interval, from resampled users.';

CREATE TABLE analytics.model_decisions (
  training_run TEXT NOT NULL, 
  as_of_date DATE NOT NULL, 
  experiment TEXT NOT NULL, 
  model_version TEXT NOT NULL, 
  champion_version TEXT, 
  outcome TEXT NOT NULL, 
  objections TEXT[] NOT NULL, 
  summary TEXT NOT NULL, 
  figures JSONB NOT NULL, 
  model_card TEXT NOT NULL, 
  decided_by TEXT NOT NULL, 
  decided_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  CONSTRAINT pk_model_decisions PRIMARY KEY (training_run), 
  CONSTRAINT ck_model_decisions_outcome CHECK (outcome in ('undecided', 'promoted', 'objections', 'declined'))
);
COMMENT ON TABLE analytics.model_decisions IS 'One row a training run: what was decided, and why.';
COMMENT ON COLUMN analytics.model_decisions.training_run IS 'Run of train_weekly.';
COMMENT ON COLUMN analytics.model_decisions.as_of_date IS 'Training day.';
COMMENT ON COLUMN analytics.model_decisions.experiment IS 'The candidate: the best experiment.';
COMMENT ON COLUMN analytics.model_decisions.model_version IS 'Its version in the registry.';
COMMENT ON COLUMN analytics.model_decisions.champion_version IS 'Champion it was compared with; null: there was none.';
COMMENT ON COLUMN analytics.model_decisions.outcome IS 'undecided (a person is asked, or the run failed), promoted, objections (a condition isn''t met), declined (by a person).';
COMMENT ON COLUMN analytics.model_decisions.objections IS 'Conditions that aren''t met; empty: all are.';
COMMENT ON COLUMN analytics.model_decisions.summary IS 'The decision in a sentence.';
COMMENT ON COLUMN analytics.model_decisions.figures IS 'Metrics with intervals by name, scope and metric.';
COMMENT ON COLUMN analytics.model_decisions.model_card IS 'Where the page about the version lies.';
COMMENT ON COLUMN analytics.model_decisions.decided_by IS 'The conditions, or the person who was asked.';
COMMENT ON COLUMN analytics.model_decisions.decided_at IS 'When.';

CREATE TABLE analytics.champions (
  champion_id BIGINT GENERATED ALWAYS AS IDENTITY, 
  from_date DATE NOT NULL, 
  model_version TEXT NOT NULL, 
  training_run TEXT, 
  reason TEXT NOT NULL, 
  changed_by TEXT NOT NULL, 
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  CONSTRAINT pk_champions PRIMARY KEY (champion_id)
);
CREATE UNIQUE INDEX ux_champions_training_run ON analytics.champions (training_run) WHERE training_run is not null;
COMMENT ON TABLE analytics.champions IS 'Champion of a day D: of the rows with from_date <= D, the one with the highest (from_date, champion_id).';
COMMENT ON COLUMN analytics.champions.champion_id IS 'Number of the change.';
COMMENT ON COLUMN analytics.champions.from_date IS 'First data day that it is champion of.';
COMMENT ON COLUMN analytics.champions.model_version IS 'Version in the registry.';
COMMENT ON COLUMN analytics.champions.training_run IS 'Run that promoted it; null: a person brought it back.';
COMMENT ON COLUMN analytics.champions.reason IS 'Why.';
COMMENT ON COLUMN analytics.champions.changed_by IS 'Who or what changed it.';
COMMENT ON COLUMN analytics.champions.changed_at IS 'When.';
