/** What the parts of the panel may ask for. The app turns the wishes into messages to the host. */
export interface Wishes {
  retry(id: string): void;
  continueAnswer(id: string): void;
  action(id: string): void;
  copy(text: string): void;
  insertCode(code: string): void;
  openLink(href: string): void;
}
