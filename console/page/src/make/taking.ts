import { notify } from "../parts/notices";
import { isObject } from "./json";
import { fileOf } from "./pictures";
import { slotsNow, takeFile } from "./slots";
import { choose, kind, kinds, pictureAt, setDraft, setField } from "./state";
import { takeWorkflow } from "./WorkflowFields";
import { readJson } from "./wishes";

/** Where a picture goes that was dropped or pasted somewhere on the page: the first slot that is free. */
function slotNow(): string | null {
  const slots = slotsNow();
  return slots.find((slot) => !pictureAt(slot)) ?? slots[0] ?? null;
}

function isWorkflow(file: File): boolean {
  return file.type === "application/json" || file.name.toLowerCase().endsWith(".json");
}

async function take(file: File): Promise<void> {
  if (isWorkflow(file) && kinds.value.includes("pipeline")) {
    choose("pipeline");
    await takeWorkflow(file);
    return;
  }
  const slot = slotNow();
  const unfit =
    slot === null ? "This form takes no picture: choose Image to image or Upscale first." : await takeFile(slot, file);
  if (unfit) notify(unfit);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement;
}

function pasted(event: ClipboardEvent): void {
  const data = event.clipboardData;
  // Office programs put a picture of the text beside it.
  if (isTyping(event.target) && data?.types.includes("text/plain")) return;
  const file = fileOf(data);
  if (file) {
    event.preventDefault();
    void take(file);
    return;
  }
  const text = data?.getData("text/plain") ?? "";
  if (kind.value !== "pipeline" || !isObject(readJson(text, "", "").value)) return;
  event.preventDefault();
  setDraft({ file: "", links: {} });
  setField("content", text);
}

function dragged(event: DragEvent): void {
  if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
}

/** A file that misses its place must not make the browser leave the page. */
function dropped(event: DragEvent): void {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  const file = fileOf(event.dataTransfer);
  if (file) void take(file);
}

/** Takes what is dropped or pasted anywhere while the area is shown. */
export function takeDrops(): () => void {
  addEventListener("paste", pasted);
  addEventListener("dragover", dragged);
  addEventListener("drop", dropped);
  return () => {
    removeEventListener("paste", pasted);
    removeEventListener("dragover", dragged);
    removeEventListener("drop", dropped);
  };
}
