/** The bundler puts style sheets beside the script; importing one has no value. */
declare module '*.css';
