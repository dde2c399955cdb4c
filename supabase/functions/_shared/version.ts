/** The backend's version: that of the project (package.json), which a test compares. */
export const VERSION = '0.1.0';
