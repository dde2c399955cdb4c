/** Stands for the core's bindings. Nothing of the shell may need the core before somebody is signed in. */
export const GodotyClient = refuse;
export const initSync = refuse;
export const isTrap = refuse;
export const onTrap = refuse;

function refuse(): never {
  throw new Error('these tests have no core');
}
