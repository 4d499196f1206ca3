import { signal } from "@preact/signals";

const SHOWN_MS = 6000;

interface Notice {
  key: number;
  text: string;
}

const notices = signal<readonly Notice[]>([]);
let last = 0;

/** Says something in passing, at the lower edge and to screen readers: "Cancelled fox-1a2b3c." */
export function notify(text: string): void {
  last += 1;
  const notice = { key: last, text };
  notices.value = [...notices.value.filter((other) => other.text !== text), notice].slice(-3);
  setTimeout(() => {
    notices.value = notices.value.filter((other) => other.key !== notice.key);
  }, SHOWN_MS);
}

/** Where they appear; once in the page. */
export function Notices() {
  return (
    <div class="notices" role="status">
      {notices.value.map((notice) => (
        <div key={notice.key}>{notice.text}</div>
      ))}
    </div>
  );
}
