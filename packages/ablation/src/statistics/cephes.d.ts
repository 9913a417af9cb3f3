// The package has declarations, but its `exports` hide them from NodeNext resolution.
declare module 'cephes' {
  export function incbet(a: number, b: number, x: number): number;
  export function incbi(a: number, b: number, y: number): number;
  export function lgam(x: number): number;
  export function ndtr(x: number): number;
  export function ndtri(p: number): number;
}
