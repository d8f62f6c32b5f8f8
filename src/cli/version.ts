import { productVersion } from '../config/product_version.ts';

export function version(): number {
  console.log(productVersion());
  return 0;
}
