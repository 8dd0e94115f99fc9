// WGSL that several rare types begin with.
import eights from '../../../../shaders/formats/rare/parts/eights.wgsl?raw';
import fours from '../../../../shaders/formats/rare/parts/fours.wgsl?raw';
import moved from '../../../../shaders/formats/rare/parts/moved.wgsl?raw';
import nonlinear from '../../../../shaders/formats/rare/parts/nonlinear.wgsl?raw';
import pairs from '../../../../shaders/formats/rare/parts/pairs.wgsl?raw';
import signs from '../../../../shaders/formats/rare/parts/signs.wgsl?raw';

export const eightsShader = signs + eights;
export const foursShader = signs + fours;
export const movedShader = moved;
export const nonlinearShader = nonlinear;
export const pairsShader = pairs;
