/**
 * The shape of everything that `ensure` can provide.
 *
 * @typedef {object} Found What a present requirement offers to its users.
 * @property {string[]} [bin] folders for the front of PATH
 * @property {Record<string, string>} [paths] named files and folders
 *
 * @typedef {object} Requirement
 * @property {string} title name and version, for people
 * @property {string[]} [needs] requirements that come first
 * @property {() => Found | undefined} check what is there; undefined when it is missing or too old
 * @property {string[]} [debian] the Debian packages that provide it
 * @property {string} [takes] a hint of how long the installation takes
 * @property {() => Promise<void>} [install] absent when only the user can install it
 * @property {string} [help] how the user gets it, when it cannot be installed from here
 */
export {};
