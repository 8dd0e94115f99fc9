// WGSL that several rare types begin with.
import eights from '../../../../shaders/formats/rare/parts/eights.wgsl?raw';
import fours from '../../../../shaders/formats/rare/parts/fours.wgsl?raw';
import moved from '../../../../shaders/formats/rare/parts/moved.wgsl?raw';
import nonlinear from '../../../../shaders/formats/rare/parts/nonlinear.wgsl?raw';
import direct from '../../../../shaders/formats/rare/parts/nonlinear-direct.wgsl?raw';
import table from '../../../../shaders/formats/rare/parts/nonlinear-table.wgsl?raw';
import values from '../../../../shaders/formats/rare/parts/nonlinear-values.wgsl?raw';
import pairs from '../../../../shaders/formats/rare/parts/pairs.wgsl?raw';
import signs from '../../../../shaders/formats/rare/parts/signs.wgsl?raw';

export const eightsShader = signs + eights;
export const foursShader = signs + fours;
export const movedShader = moved;
export const nonlinearShader = values + direct + nonlinear;
/** The same with its values in a table of workgroup memory. */
export const nonlinearTableShader = values + table + nonlinear;
export const pairsShader = pairs;
