import type { Fault, Workflow, WorkflowNode } from "../types";
import { controlId } from "./Field";
import { faultsAt } from "./state";

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function Inputs({ node }: { node: WorkflowNode }) {
  return (
    <dl>
      {node.inputs.map(({ name, value, link }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{link ? <span class="soft">from node {link}</span> : shown(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** The faults of the check and of the last refusal, each message once. */
function together(checked: readonly Fault[], refused: readonly Fault[] = []): Fault[] {
  const all = [...checked, ...refused];
  return all.filter((fault, at) => all.findIndex(({ message }) => message === fault.message) === at);
}

function NodeItem({ node }: { node: WorkflowNode }) {
  const place = `node-${node.id}`;
  const faults = together(node.faults, faultsAt.value.get(place));
  return (
    <li class={faults.length ? "node wrong" : "node"} id={controlId(place)} tabIndex={-1}>
      <details>
        <summary>
          <span class="number soft">{node.id}</span> <strong>{node.title ?? node.class_type}</strong>
          {node.title && node.title !== node.class_type && <code class="soft">{node.class_type}</code>}
        </summary>
        {node.inputs.length > 0 && <Inputs node={node} />}
      </details>
      {faults.length > 0 && (
        <ul class="faults">
          {faults.map((fault, at) => (
            <li key={at}>{fault.message}</li>
          ))}
        </ul>
      )}
    </li>
  );
}

/** The nodes of a workflow, each with what is wrong with it. */
export function NodeList({ workflow }: { workflow: Workflow }) {
  const faulty = workflow.nodes.filter((node) => node.faults.length || faultsAt.value.has(`node-${node.id}`)).length;
  const count = workflow.nodes.length;
  return (
    <section class="field" aria-label="Nodes of the workflow">
      <div class="label">
        <h2>{`${count} ${count === 1 ? "node" : "nodes"}`}</h2>
        <span class={faulty ? "bad hint" : "good hint"} role="status">
          {faulty || workflow.faults.length ? `${faulty || "Some"} with faults` : "No faults found"}
        </span>
      </div>
      {workflow.faults.length > 0 && (
        <ul class="faults">
          {workflow.faults.map((fault, at) => (
            <li key={at}>{fault.message}</li>
          ))}
        </ul>
      )}
      <ol class="nodes">
        {workflow.nodes.map((node) => (
          <NodeItem key={node.id} node={node} />
        ))}
      </ol>
    </section>
  );
}
