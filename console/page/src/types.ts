// What the console's server says (console/src/console/models.py), key by key.

export type Status = "queued" | "running" | "succeeded" | "failed" | "cancelled";

/** One of the errors that a task ends with. */
export interface Failure {
  code: string;
  message: string;
  retryable: boolean;
}

/** One fault of a refused request, the API's own words. */
export interface Fault {
  code: string;
  message: string;
  field: string | null;
}

export interface RuntimeInfo {
  name: string;
  type: string;
  tasktypes: string[];
  /** Names of checkpoints, as far as somebody can tell; the form takes any other too. */
  models: string[];
}

/** `GET /api/system`. */
export interface System {
  /** `local`: the system on this machine; `api`: endpoint and key alone; `stack`: with the user's AWS credentials. */
  mode: "local" | "api" | "stack";
  endpoint: string;
  runtimes: RuntimeInfo[];
  /** What this console can show beside what the API tells. */
  features: { traces: boolean; glance: boolean; notifications: boolean };
  /** The largest input in bytes. */
  input_max: number;
}

/** A task as the gallery has it. Times are milliseconds since 1970; `progress` is in percent. */
export interface TaskRow {
  id: string;
  submission: string;
  runtime: string;
  tasktype: string;
  status: Status;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
  progress: number | null;
  /** How many outputs there are. */
  images: number;
  error: Failure | null;
}

export interface OutputFile {
  s3: string;
  name: string;
  /**
   * `image`: the server shows it at `/api/tasks/ID/images/N?s=SUBMISSION`, small at `.../thumb?s=SUBMISSION`; `file`: only
   * to be saved, at `.../images/N?download=1` like any. N is its index here, from 0; `s` is optional, and keeps an id that
   * went to another task meanwhile from showing that one's. What is no picture after all is answered with 415.
   */
  kind: "image" | "file";
}

/** `GET /api/tasks/ID`. */
export interface TaskDetail extends Omit<TaskRow, "images"> {
  attempts: number;
  output_location: string;
  images: OutputFile[];
  images_total: number;
  trace_id: string | null;
  position_estimate: number | null;
  /** The request as it was submitted, where it is known: of this console, or of the `.out`. */
  request: TaskRequest | null;
  /** Whether `/api/tasks/ID/out` and `/api/tasks/ID/notification` have something. */
  has_out: boolean;
  /** What to do about `error.code`, from the documentation; null where there is no error. */
  advice: string | null;
}

/** The body of `POST /v1alpha2`, which `POST /api/tasks` takes as it is. */
export interface TaskRequest {
  task: {
    metadata: {
      id: string;
      runtime: string;
      tasktype: string;
      prefix: string;
      context?: unknown;
      expires_in?: number;
      callback_url?: string;
    };
    content: Record<string, unknown>;
  };
}

/** One node of a workflow: `POST /api/workflow`. */
export interface WorkflowNode {
  id: string;
  class_type: string;
  title: string | null;
  inputs: { name: string; value: unknown; link: string | null }[];
  faults: Fault[];
}

export interface Workflow {
  nodes: WorkflowNode[];
  /** Those that belong to no node. */
  faults: Fault[];
}

/** A span of `GET /api/tasks/ID/trace`; times in milliseconds since the trace began. */
export interface Span {
  span_id: string;
  parent_id: string | null;
  depth: number;
  name: string;
  service: string;
  kind: string;
  offset_ms: number;
  ms: number;
  /** Its own part of the critical path. */
  self_ms: number;
  gpu: boolean;
  error: boolean;
  message: string;
  attributes: Record<string, unknown>;
  events: { name: string; offset_ms: number; attributes: Record<string, unknown> }[];
}

export interface Step {
  /** Null: nothing was under way, and `name` says what was waited for. */
  span_id: string | null;
  name: string;
  offset_ms: number;
  ms: number;
}

export interface Trace {
  trace_id: string;
  started_at: number;
  ended_at: number;
  total_ms: number;
  gpu_seconds: number;
  gpu_share: number;
  complete: boolean;
  span_count: number;
  truncated: boolean;
  spans: Span[];
  /** The critical path whole, waits included: the sum of its times is `total_ms`. */
  steps: Step[];
}

export interface AgentGlance {
  /** `up`: answers and its runtime is ready; `waiting`: its runtime is not ready; `breaker`: its circuit breaker is open; `down`: does not answer. */
  state: "up" | "waiting" | "breaker" | "down";
  busy: boolean;
  /** Share of the last minute in which the GPU worked, 0 to 1. */
  busy_fraction: number | null;
  up_seconds: number | null;
}

export interface RuntimeGlance {
  name: string;
  type: string;
  /** Messages that wait; null where nobody can tell. */
  queued: number | null;
  in_flight: number | null;
  oldest_seconds: number | null;
  dead_letters: number | null;
  /** Tasks that ended in the last minute. */
  ended_per_minute: number | null;
  failed_per_minute: number | null;
  agents: AgentGlance[];
}

/** One moment of the chart. */
export interface Moment {
  at: number;
  queued: number | null;
  busy_fraction: number | null;
  ended_per_minute: number | null;
}

/** Event `glance` of `GET /api/events`. */
export interface Glance {
  at: number;
  runtimes: RuntimeGlance[];
  unrouted: number | null;
  /** Of the last ten minutes, oldest first, all runtimes together, a moment every five seconds. */
  history: Moment[];
}

/** Events of `GET /api/events`, by name; each has one JSON object as data. */
export interface Events {
  /** The first after each connection: what is known starts anew. */
  reset: { total: number };
  /** New or changed tasks, at most 200 in one event. */
  tasks: { tasks: TaskRow[] };
  glance: Glance;
  /** Whether the system's API answers, and why not. */
  system: { reachable: boolean; message: string | null };
}

/** The body of every answer that is no success; `errors` are the API's faults where it refused. */
export interface Refusal {
  error: Fault;
  errors: Fault[];
}
