import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./Icon";

/** What stands where there is nothing: a heading, what to do about it, perhaps a button or a link. */
export function Empty({ title, icon, children }: { title: string; icon?: IconName; children?: ComponentChildren }) {
  return (
    <div class="empty">
      {icon && <Icon name={icon} />}
      <h2>{title}</h2>
      {children}
    </div>
  );
}
