// VitePress' own theme, and the rule that shows the picture of the page's scheme.
import DefaultTheme from "vitepress/theme";
import "./style.css";

export default DefaultTheme;
